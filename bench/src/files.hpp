// The files that the subcommands write. An empty path is none, which is done at once.
#pragma once

#include <string>
#include <switchboard/error.hpp>
#include <vector>

namespace switchboard::bench {

// Before hours of measuring, and without making or changing a file. Fails for the first that is not, or is
// there twice: the second would overwrite the first. `folder` may be none yet where there is one to make it
// in.
Result<void> find_writable(const std::vector<std::string>& files, const std::string& folder = {});
std::string read_text(const std::string& path);  // empty where it cannot be read, or no longer
Result<void> write_file(const std::string& path, const std::string& text);
Result<void> print(const std::string& text);  // on stdout, which may be a full disk

// What becomes of several outputs, each by itself: what one disk cannot take another may.
class Outputs {
public:
    void note(const Result<void>& written);  // complains of what could not be
    bool all_written() const noexcept { return all_written_; }

private:
    bool all_written_ = true;
};

}  // namespace switchboard::bench
