// Runs gnuplot, which draws the plots of a page.
#pragma once

#include <string>
#include <switchboard/error.hpp>

namespace switchboard::bench {

// `text` as gnuplot takes it for a string, whatever is in it.
std::string quoted(const std::string& text);

// Whether gnuplot is there; else the error says that it is not installed.
Result<void> can_draw();

// One plot of a page.
struct Plot {
    std::string name;  // of letters, digits and dashes; no two of a page have the same
    std::string title;
    std::string note;    // what is drawn how; may be empty
    std::string script;  // of gnuplot; empty when there is nothing to draw
    int height = 0;      // in units of which it is kPlotWidth wide
};
inline constexpr int kPlotWidth = 480;

// What its script draws, as an SVG element to put into a page. Its ids begin with the plot's name, so
// that they do not clash. Errors: that of can_draw(), or gnuplot did not like the script.
Result<std::string> draw(const Plot& plot);

}  // namespace switchboard::bench
