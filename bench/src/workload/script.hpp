// The user's own requests, and the replies that are expected to them.
#pragma once

#include <cstddef>
#include <string>
#include <switchboard/bytes.hpp>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

// The form of a reply, matched while its bytes arrive.
class ExpectedReply {
public:
    // One of these forms, in which \r \n \t \0 \\ and \xHH stand for a byte:
    //   TEXT          exactly these bytes
    //   @FILE         exactly the bytes of the file, without escapes
    //   until:TEXT    anything up to and with TEXT
    //   size:N        N bytes, whatever they are
    //   pattern:TEXT  TEXT, in which * is anything up to the text behind it, and {N} is N bytes of anything;
    //                 \* and \{ are themselves
    // errc::bad_option says what is wrong.
    static Result<ExpectedReply> parse(const std::string& text);

    // How much of a reply was matched. Starts over with each reply.
    struct Progress {
        std::size_t piece = 0, skipped = 0, matched = 0;
    };
    // Takes bytes of `in` up to the end of the reply. Fewer than all without the end: the next byte is wrong.
    struct Step {
        std::size_t used = 0;
        bool is_whole = false;
    };
    Step match(Progress& progress, Bytes in) const;

private:
    struct Piece {
        std::size_t skip = 0;   // bytes of any value first
        bool searches = false;  // then any bytes up to the text
        std::string text = {};
        // Of the text's prefixes, as in the algorithm of Knuth, Morris and Pratt.
        std::vector<std::size_t> borders = {};
    };
    void add(Piece piece);

    std::vector<Piece> pieces_;
};

struct ScriptedExchange {
    std::string request;
    ExpectedReply reply;
};
// Each connection makes the exchanges in turn, and starts over after the last.
using Script = std::vector<ScriptedExchange>;

// A request: TEXT with escapes as above, or @FILE.
Result<std::string> parse_request(const std::string& text);
// Pairs the n-th request with the n-th reply; a single reply is for all requests.
Result<Script> make_script(const std::vector<std::string>& requests,
                           const std::vector<std::string>& replies);
// Reads the lines of a file: "> REQUEST" followed by "< REPLY", as above. A line with # is a comment.
Result<Script> read_script(const std::string& path);

}  // namespace switchboard::bench
