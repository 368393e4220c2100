// One-way streams, counted in pieces of --size bytes.
#include "workload/message_workload.hpp"

namespace switchboard::bench {
namespace {

// Sends as long as the connection accepts it, to a server that discards it.
class Upload final : public Workload {
public:
    explicit Upload(std::size_t piece) : piece_(piece), pattern_(piece) {}
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }
    std::size_t request_size() const override { return piece_; }

private:
    class Client final : public LoadClient {
    public:
        Client(const Upload& workload, Load& load, std::size_t number)
            : LoadClient(load, number), workload_(workload), at_(Pattern::entry(number)) {}
        void start() override {
            if (!failed()) send();
        }
        bool reads_under_backpressure() const noexcept override { return true; }
        void on_writable(Connection&) override {
            waits_ = false;
            if (load().started() && !load().stopped() && !failed()) send();
        }
        std::uint64_t in_flight() const override { return waits_ ? 1 : 0; }
        void window_ended() override { waits_ = !failed() && connection().queued() > 0; }

    private:
        void opened() override {
            answered();  // there will be no reply
            if (load().started()) send();
        }
        std::size_t on_bytes(MutableBytes in) override { return wrong_bytes(in); }
        void send() {
            for (bool goes_on = true; goes_on;) {
                goes_on = connection().write(workload_.pattern_.at(at_, workload_.piece_));
                at_ += workload_.piece_;
                load().count_bytes(workload_.piece_);
                if (!load().count_passed(number(), 1, load().now())) return;
            }
        }

        const Upload& workload_;
        std::uint64_t at_;    // in the pattern
        bool waits_ = false;  // for the server to read
    };

    std::size_t piece_;
    Pattern pattern_;
};

// Reads what a chargen server sends endlessly (RFC 864).
class Download final : public Workload {
public:
    explicit Download(std::size_t piece) : piece_(piece), pattern_(Pattern::chargen(kView)) {}
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }
    std::size_t request_size() const override { return 0; }

private:
    static constexpr std::size_t kView = 256 * 1024;
    class Client final : public LoadClient {
    public:
        Client(const Download& workload, Load& load, std::size_t number)
            : LoadClient(load, number), workload_(workload) {}
        void start() override { connection().resume_reading(); }
        std::uint64_t in_flight() const override { return waits_ ? 1 : 0; }
        void window_ended() override { waits_ = !failed(); }

    private:
        // Before the load starts, one piece is enough.
        std::size_t on_bytes(MutableBytes in) override {
            waits_ = false;
            if (!workload_.pattern_.matches(received_, in)) return wrong_bytes(in);
            const std::uint64_t pieces = received_ / workload_.piece_;
            received_ += in.size();
            const std::uint64_t whole = received_ / workload_.piece_ - pieces;
            if (whole == 0) return in.size();
            if (!load().started()) connection().pause_reading();
            if (load().count_passed(number(), whole, load().now())) answered();
            return in.size();
        }

        const Download& workload_;
        std::uint64_t received_ = 0;
        bool waits_ = false;  // for more, after the window
    };

    std::size_t piece_;
    Pattern pattern_;
};

}  // namespace

MadeWorkload make_upload(const WorkloadOptions& options) {
    return std::make_unique<Upload>(options.size);
}

MadeWorkload make_download(const WorkloadOptions& options) {
    return std::make_unique<Download>(options.size);
}

}  // namespace switchboard::bench
