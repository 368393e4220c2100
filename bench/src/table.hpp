// Columns of text, for people.
#pragma once

#include <string>
#include <vector>

namespace switchboard::bench {

struct Table {
    std::string title;
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;  // each as long as the header
    std::vector<std::string> notes;              // below it, a line each
};

// An empty line, the title, and the columns: the first one, a name, stands left, figures stand right.
// UTF-8; a character is a column.
std::string to_text(const Table& table);

}  // namespace switchboard::bench
