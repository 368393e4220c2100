#include "delayed_echo.hpp"

namespace switchboard::bench {

std::size_t DelayedEcho::on_data(Connection& connection, MutableBytes in) {
    replies_.push_back({reply_at_(connection.now()), {in.begin(), in.end()}});
    connection.set_deadline(replies_.front().when);
    return in.size();
}

void DelayedEcho::on_deadline(Connection& connection) {
    while (!replies_.empty() && replies_.front().when <= connection.now()) {
        connection.write(replies_.front().bytes);
        replies_.pop_front();
    }
    if (!replies_.empty()) connection.set_deadline(replies_.front().when);
}

}  // namespace switchboard::bench
