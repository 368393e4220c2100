// The main function of every test program. A test case fails if it ends with more open descriptors than it
// began with, and is skipped if it could not check anything on this machine.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <uv.h>
#include <iostream>
#include <string_view>

#include "descriptors.hpp"

namespace {

using switchboard::test::describe_descriptor;
using switchboard::test::open_descriptors;

bool leaked = false;
std::size_t cases = 0;         // cases that ran
bool nothing_checked = false;  // set by the message of a case

constexpr int kSkipped = 77;  // for ctest; see tests/CMakeLists.txt

struct DescriptorListener : doctest::IReporter {
    explicit DescriptorListener(const doctest::ContextOptions&) {}

    void test_case_start(const doctest::TestCaseData& test) override {
        ++cases;
        name_ = test.m_name;
        before_ = open_descriptors();
    }
    void test_case_end(const doctest::CurrentTestCaseStats&) override {
        const std::set<int> after = open_descriptors();
        if (after.size() <= before_.size()) return;
        leaked = true;
        std::cerr << "LEAK: test case \"" << name_ << "\" began with " << before_.size()
                  << " open descriptors and ended with " << after.size() << ":";
        for (const int fd : after)
            if (!before_.contains(fd)) std::cerr << ' ' << describe_descriptor(fd);
        std::cerr << '\n';
    }

    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData& message) override {
        const std::string_view text = message.m_string.c_str();
        if (text.find("nothing checked") != std::string_view::npos) nothing_checked = true;
    }
    void test_case_skipped(const doctest::TestCaseData&) override {}

private:
    std::string name_;
    std::set<int> before_;
};

DOCTEST_REGISTER_LISTENER("descriptors", 1, DescriptorListener);

// libuv opens a pipe with its first loop and keeps it. This is not the leak of a test.
void open_what_libuv_keeps() {
    uv_loop_t loop;
    if (uv_loop_init(&loop) == 0) uv_loop_close(&loop);
}

}  // namespace

int main(int argc, char** argv) {
    open_what_libuv_keeps();
    doctest::Context context(argc, argv);
    const int result = context.run();
    if (result != 0 || context.shouldExit()) return result;  // it may only have listed the cases
    if (leaked) return 1;
    // ctest runs one case at a time. None ran if a decorator of the case skips it.
    return cases == 0 || (cases == 1 && nothing_checked) ? kSkipped : 0;
}
