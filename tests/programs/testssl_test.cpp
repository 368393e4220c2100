// testssl.sh finds nothing to complain about in `switchboard serve --tls`.
#include <nlohmann/json.hpp>

#include <csignal>

#include "text.hpp"
#include "tls_files.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// Findings that are not about the server's TLS.
bool is_foreign(const std::string& id, const std::string& finding) {
    // The openssl(1) that testssl runs has no GOST ciphers. testssl tests those without it.
    if (id == "engine_problem") return true;
    // Its openssl(1) ends at the end of its input, on a busy machine before the ticket of TLS 1.3 arrives.
    // The tests of tls resume sessions.
    return id == "sessionresumption_ticket" && finding == "check failed because of connect problem";
}

// Returns the findings that are worse than "INFO", one a line, and counts all.
std::string complaints(const std::string& file, std::size_t& all) {
    std::ifstream report(file);
    std::string found;
    for (const auto& finding : nlohmann::json::parse(report)) {
        ++all;
        const std::string severity = finding.at("severity"), id = finding.at("id"),
                          text = finding.at("finding");
        if (severity == "OK" || severity == "INFO" || is_foreign(id, text)) continue;
        found += severity + " " + id + ": " + text + "\n";
    }
    return found;
}

// Runs sections of testssl. Each ends with at least so many findings in all.
void check_sections(const std::vector<std::string>& sections, std::size_t least) {
    const std::string testssl = "/usr/bin/testssl";
    if (!test::machine_has(testssl)) return;
    const TlsFolder folder;
    constexpr long kDay = 24 * 60 * 60;
    const std::string certificate =
        folder.issue("server", {.subject = "localhost",
                                .names = "DNS:localhost",
                                .begins = -kDay,
                                .ends = 90 * kDay,
                                .revocation = "URI:http://localhost/revoked.crl"});
    Server server({"hello", "--tls", certificate});
    std::vector<std::string> all = {testssl,      "--quiet",
                                    "--color",    "0",
                                    "--warnings", "batch",
                                    "--add-ca",   folder.ca(),
                                    "--ip",       "127.0.0.1",
                                    "--nodns",    "none",
                                    "--jsonfile", folder / "findings.json"};
    all.insert(all.end(), sections.begin(), sections.end());
    all.push_back("https://localhost:" + server.port());
    // Under load it may be silent for a long time.
    Process process({.command = all, .patience = std::chrono::seconds(300)});
    const Finished finished = process.wait();
    CAPTURE(finished.output);
    std::size_t count = 0;
    CHECK(complaints(folder / "findings.json", count) == "");
    CHECK(count >= least);
    CHECK(server.stop(SIGTERM).status == 0);
}

}  // namespace

TEST_CASE("testssl: protocols, ciphers and key exchange, without a finding above info") {
    check_sections({"-p", "-s", "-f"}, 15);
}

TEST_CASE("testssl: certificate, extensions and known attacks, without a finding above info") {
    check_sections({"-S", "-U"}, 40);
}
