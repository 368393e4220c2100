#include <switchboard/relay.hpp>
#include <utility>

namespace switchboard {
namespace {

// One end of the pair. The front is the accepted connection, the back is the connection to the target.
struct End {
    ConnectionId id;
    bool finished = false;  // its FIN and every byte before it have come
};

// The state that all pairs of one relay share.
struct Operator {
    OpenConnection open;
    FindConnection find;
};

struct Pair {
    std::shared_ptr<const Operator> relay;
    End front, back;

    bool finished() const { return front.finished && back.finished; }
};

class Side final : public Protocol {
public:
    Side(std::shared_ptr<Pair> pair, bool is_front) : pair_(std::move(pair)), is_front_(is_front) {}

    void on_open(Connection& connection) override;
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_writable(Connection& connection) override;
    void on_eof(Connection& connection) override;
    void on_close(std::error_code reason) noexcept override;
    // Only the two ends know whether a request is in progress.
    bool is_busy() const noexcept override { return true; }
    // If a side does not read, reading from the other side is paused, but its own input goes on. Otherwise
    // two relays in a row that are full in both directions would wait for each other forever.
    bool reads_under_backpressure() const noexcept override { return true; }

private:
    End& mine() const { return is_front_ ? pair_->front : pair_->back; }
    End& others() const { return is_front_ ? pair_->back : pair_->front; }
    Connection* other() const { return pair_->relay->find(others().id); }
    void call_target(Connection& connection);
    void answer_front(Connection& connection);

    std::shared_ptr<Pair> pair_;
    bool is_front_;
};

void Side::on_open(Connection& connection) {
    mine().id = connection.id();
    is_front_ ? call_target(connection) : answer_front(connection);
}

void Side::call_target(Connection& connection) {
    connection.pause_reading();
    auto back = pair_->relay->open(std::make_unique<Side>(pair_, false));
    if (!back) connection.abort(back.error());
}

void Side::answer_front(Connection& connection) {
    Connection* const front = other();
    front ? front->resume_reading() : connection.close();
}

std::size_t Side::on_data(Connection& connection, MutableBytes in) {
    Connection* const sink = other();
    if (sink && !sink->write(in)) connection.pause_reading();
    return in.size();
}

void Side::on_writable(Connection&) {
    if (Connection* const source = other()) source->resume_reading();
}

void Side::on_eof(Connection& connection) {
    mine().finished = true;
    Connection* const sink = other();
    if (sink) sink->shutdown_write();
    if (!pair_->finished()) return;
    connection.close();
    if (sink) sink->close();
}

void Side::on_close(std::error_code reason) noexcept {
    Connection* const peer = other();
    if (!peer || pair_->finished()) return;
    reason ? peer->abort(reason) : peer->close();
}

}  // namespace

ProtocolFactory make_relay(OpenConnection open, FindConnection find) {
    auto relay = std::make_shared<const Operator>(Operator{std::move(open), std::move(find)});
    return [relay = std::move(relay)]() -> std::unique_ptr<Protocol> {
        return std::make_unique<Side>(std::make_shared<Pair>(Pair{relay, {}, {}}), true);
    };
}

}  // namespace switchboard
