// One-way streams, counted in pieces of --size bytes.
#include "lists.hpp"
#include "message_workload.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kMostPiece = 16 * 1024 * 1024;

// Sends for as long as the connection takes it, to a server that throws it away.
class Upload final : public Workload {
public:
    explicit Upload(std::size_t piece) : piece_(piece), pattern_(piece) {}
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }
    std::size_t request_size() const override { return piece_; }
    std::uint64_t exchange_size() const override { return piece_; }

private:
    class Client final : public LoadClient {
    public:
        Client(const Upload& workload, Load& load, std::size_t number)
            : LoadClient(load, number), workload_(workload), at_(Pattern::entry(number)) {}
        void give(Clock::time_point) override {}
        void start() override {
            if (!failed()) send();
        }
        bool reads_when_full() const noexcept override { return true; }
        void on_drain(Connection&) override {
            if (load().started() && !load().stopped() && !failed()) send();
        }

    private:
        void opened() override {
            answered();  // there is no more to come
            if (load().started()) send();
        }
        std::size_t heard(MutableBytes in) override { return wrong_bytes(in); }
        void send() {
            for (bool goes_on = true; goes_on;) {
                goes_on = connection().write(workload_.pattern_.at(at_, workload_.piece_));
                at_ += workload_.piece_;
                if (!load().count_passed(number(), 1, load().now())) return;
            }
        }

        const Upload& workload_;
        std::uint64_t at_;  // in the pattern
    };

    std::size_t piece_;
    Pattern pattern_;
};

// Reads what a chargen server sends for as long as it is read (RFC 864).
class Download final : public Workload {
public:
    explicit Download(std::size_t piece) : piece_(piece), pattern_(Pattern::chargen(kView)) {}
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }
    std::size_t request_size() const override { return 0; }
    std::uint64_t exchange_size() const override { return piece_; }

private:
    static constexpr std::size_t kView = 256 * 1024;
    class Client final : public LoadClient {
    public:
        Client(const Download& workload, Load& load, std::size_t number)
            : LoadClient(load, number), workload_(workload) {}
        void give(Clock::time_point) override {}
        void start() override { connection().resume_reading(); }

    private:
        void opened() override {}
        // Until the load starts one piece is enough.
        std::size_t heard(MutableBytes in) override {
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
    };

    std::size_t piece_;
    Pattern pattern_;
};

}  // namespace

MadeWorkload make_upload(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 1, kMostPiece); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Upload>(options.size);
}

MadeWorkload make_download(const WorkloadOptions& options) {
    if (auto fits = check_range("--size", options.size, 1, kMostPiece); !fits)
        return tl::unexpected(fits.error());
    return std::make_unique<Download>(options.size);
}

}  // namespace switchboard::bench
