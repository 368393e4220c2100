// What appears in this process while code of a plugin runs: threads and descriptors.
#pragma once

#include <string>
#include <vector>

namespace switchboard::plugin_host {

// Finds them in /proc/self. On a system without it there are none. What other threads of the program start
// or open at the same time is taken for the plugin's. Sockets are left out, because a server accepts them all
// the time.
class Traces {
public:
    // Calls `call`, and notes what was not there before.
    template <class Call>
    auto watch(Call call) {
        const Seen before = look();
        auto result = call();
        note_since(before);
        return result;
    }
    // Returns what is still there, "2 threads and 1 descriptor", or an empty text. Waits up to 50 ms for
    // threads that are ending: pthread_join(3) returns before the system has removed the thread.
    std::string left() const;
    void clear() noexcept;

private:
    struct Seen {
        std::vector<int> threads, descriptors;  // sorted
    };
    // Numbers are used again. The identity tells whether it is still the same one.
    struct Trace {
        int number;
        std::string identity;
    };
    using Identity = std::string (*)(int);

    static Seen look();
    void note_since(const Seen& before);
    static std::size_t still_there(const std::vector<Trace>& traces, Identity identity_of);

    std::vector<Trace> threads_, descriptors_;
};

}  // namespace switchboard::plugin_host
