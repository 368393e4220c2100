// Metrics of the program together with those of the library, for Prometheus. The page has a reactor of
// its own, so that the connections of Prometheus are not counted as clients.
#include <array>
#include <csignal>
#include <iostream>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/reactor_stats.hpp>
#include <switchboard/signals.hpp>
#include <thread>

using namespace switchboard;
using namespace std::chrono_literals;

class Counting final : public LineHandler {
public:
    explicit Counting(std::size_t* lines) : lines_(lines) {}

private:
    void on_line(Connection& peer, std::string_view line) override {
        ++*lines_;  // no lock: all handlers run on the reactor's thread
        write_line(peer, line);
    }

    std::size_t* lines_;
};

// Answers any request with the metrics of `served`. An empty line ends the request.
class Page final : public LineHandler {
public:
    Page(Reactor* here, Reactor* served, const std::size_t* lines)
        : here_(here), served_(served), lines_(lines) {}

private:
    void on_line(Connection& scraper, std::string_view line) override {
        if (!line.empty()) return;
        scraper.pause_reading();
        served_->post([here = here_, served = served_, lines = lines_, id = scraper.id()] {
            const std::string text = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" +
                                     to_prometheus(std::array{collect_stats(*served)}) +
                                     "my_lines_total " + std::to_string(*lines) + "\n";
            here->post([here, id, text] {
                Connection* const still_there = here->find(id);
                if (still_there == nullptr) return;
                still_there->write(text);
                still_there->close();
            });
        });
    }

    Reactor *here_, *served_;
    const std::size_t* lines_;
};

int main() {
    const Endpoint any_port = Endpoint::tcp("127.0.0.1", 0);
    std::size_t lines = 0;
    Reactor served, pages;
    const auto clients = served.listen(any_port, factory_of<Counting>(&lines));
    const auto scrapers = pages.listen(any_port, factory_of<Page>(&pages, &served, &lines));
    if (!clients || !scrapers) return 1;
    const auto armed = on_signal(served, SIGTERM, [&] {
        served.drain(1s, [&](std::size_t) { pages.post([&] { pages.stop(); }); });
    });
    if (!armed) return std::cerr << armed.error().message() << "\n", 1;
    std::cout << "listening on " << clients->local.to_string() << "\nmetrics at "
              << scrapers->local.to_string() << std::endl;
    std::thread thread([&] { pages.run(); });
    served.run();
    thread.join();
}
