// `switchboard serve websocket` and `serve http`, from Python and in a browser.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

#include "browser.hpp"
#include "loopback.hpp"
#include "server.hpp"
#include "text.hpp"

using namespace switchboard;
using namespace switchboard::programs;

namespace {

// Sends messages to the address behind "#", and shows how the WebSocket ended. The clock of the page stands
// still only while it fetches something.
constexpr std::string_view kPage = R"(<!DOCTYPE html>
<body>not closed</body>
<script>
const messages = ["", "h\u00e4\u20ac", "x".repeat(70000)];
const socket = new WebSocket(location.hash.slice(1));
let echoed = 0;
const next = () => socket.send(messages[echoed]);
socket.onopen = next;
socket.onmessage = event => {
  if (event.data !== messages[echoed]) return socket.close(4001);
  ++echoed < messages.length ? next() : socket.close(4000);
};
socket.onclose = event => document.body.textContent = `closed ${event.code} after ${echoed}`;
(async () => {
  while (socket.readyState !== WebSocket.CLOSED) await fetch("/", {cache: "no-store"});
})();
</script>
)";

std::string websocket_url(const Server& server) {
    return "ws://127.0.0.1:" + server.port() + "/";
}

}  // namespace

TEST_CASE("serve websocket: Python's client is served, under every driver") {
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server server({"websocket", "--driver", driver});
        const Finished client =
            support::run({"/usr/bin/python3", SWITCHBOARD_SOURCE "/tests/websocket/echo_client.py",
                          websocket_url(server), "none"});
        CHECK(client.errors == "");
        CHECK(client.output == "done\n");
        CHECK(server.stop(SIGTERM).status == 0);
    }
}

TEST_CASE("serve websocket: a browser gets a page and talks to the server, under every driver") {
    const test::TempDir folder;
    std::filesystem::create_directory(folder / "root");
    std::ofstream(folder / "root/index.html") << kPage;
    for (const std::string& driver : kDrivers) {
        CAPTURE(driver);
        Server pages({"http", "--driver", driver, "--option", "root=" + (folder / "root")});
        Server server({"websocket", "--driver", driver});
        const std::string page = "http://127.0.0.1:" + pages.port() + "/#" + websocket_url(server);
        CHECK(support::eventually(
            [&] { return test::has(browse(page, folder / "profile"), "closed 4000 after 3"); }));
        CHECK(pages.stop(SIGTERM).status == 0);
        CHECK(server.stop(SIGTERM).status == 0);
    }
}
