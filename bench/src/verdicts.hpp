// What a trial found: figures, the bounds they must keep, and whether they do.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace switchboard::bench {

// Rows in the order they are added. A bound that is met exactly is kept.
class Verdicts {
public:
    using Text = std::function<std::string(double)>;  // how a figure and its bound are written

    void at_most(const std::string& what, double figure, double bound, const Text& text,
                 const std::string& spread = {});
    void at_least(const std::string& what, double figure, double bound, const Text& text,
                  const std::string& spread = {});
    void equal(const std::string& what, double figure, double bound, const Text& text);
    void note(const std::string& what, const std::string& figure);  // without a bound
    // A bound that can't be kept, since there is no figure.
    void broken(const std::string& what, const std::string& why);

    bool hold() const noexcept { return hold_; }
    std::string to_text() const;  // a table; ends with what it comes to

private:
    struct Row {
        std::string what, figure, bound, verdict;
    };
    void judge(const std::string& what, const std::string& figure, const std::string& bound,
               bool holds);

    std::vector<Row> rows_;
    bool hold_ = true;
};

}  // namespace switchboard::bench
