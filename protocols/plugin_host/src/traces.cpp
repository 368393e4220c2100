#include "traces.hpp"

#include <dirent.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "base/counted.hpp"

namespace switchboard::plugin_host {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

// The numbers that are names in the folder, sorted. The descriptor of the folder itself is left out.
std::vector<int> numbers_in(const char* path) {
    std::vector<int> numbers;
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path));
    if (!folder) return numbers;
    const int own = ::dirfd(folder.get());
    while (const dirent* const entry = ::readdir(folder.get())) {
        int number = 0;
        const char* const end = entry->d_name + std::strlen(entry->d_name);
        const auto parsed = std::from_chars(entry->d_name, end, number);
        if (parsed.ec == std::errc() && parsed.ptr == end && number != own)
            numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

std::vector<int> new_in(const std::vector<int>& now, const std::vector<int>& before) {
    std::vector<int> fresh;
    std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                        std::back_inserter(fresh));
    return fresh;
}

// When the thread was started, field 22 of proc(5). Empty: it has ended.
std::string start_of_thread(int thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;
    std::getline(file, line, '\0');  // unlike an iterator, it does not throw if the thread ends now
    std::size_t at = line.rfind(") ");  // the end of field 2, which may contain anything
    if (at == std::string::npos || std::strchr("XZ", line[at + 2])) return "";
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
    return at == std::string::npos ? "" : line.substr(at, line.find(' ', at + 1) - at);
}

// What the descriptor leads to, "socket:[4711]". Empty: it is closed.
std::string target_of(int descriptor) {
    std::array<char, 4096> target{};
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    const auto size = ::readlink(path.c_str(), target.data(), target.size());
    return size < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

Traces::Seen Traces::look() {
    return {numbers_in("/proc/self/task"), numbers_in("/proc/self/fd")};
}

void Traces::note_since(const Seen& before) {
    const Seen now = look();
    for (const int each : new_in(now.threads, before.threads))
        threads_.push_back({each, start_of_thread(each)});
    for (const int each : new_in(now.descriptors, before.descriptors)) {
        std::string target = target_of(each);
        if (target.rfind("socket:", 0) != 0) descriptors_.push_back({each, std::move(target)});
    }
}

std::size_t Traces::still_there(const std::vector<Trace>& traces, Identity identity_of) {
    return static_cast<std::size_t>(
        std::count_if(traces.begin(), traces.end(), [&](const Trace& each) {
            return !each.identity.empty() && identity_of(each.number) == each.identity;
        }));
}

std::string Traces::left() const {
    std::size_t threads = still_there(threads_, start_of_thread);
    for (int turn = 0; threads > 0 && turn < 50; ++turn) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        threads = still_there(threads_, start_of_thread);
    }
    const std::size_t descriptors = still_there(descriptors_, target_of);
    std::string text = threads > 0 ? detail::counted(threads, "thread") : "";
    if (descriptors > 0)
        text += (text.empty() ? "" : " and ") + detail::counted(descriptors, "descriptor");
    return text;
}

void Traces::clear() noexcept {
    threads_.clear();
    descriptors_.clear();
}

}  // namespace switchboard::plugin_host
