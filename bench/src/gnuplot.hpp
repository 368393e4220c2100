// Runs gnuplot, which draws the plots of a page.
#pragma once

#include <string>
#include <switchboard/error.hpp>

namespace switchboard::bench {

// `text` as gnuplot takes it for a string, whatever is in it.
std::string quoted(const std::string& text);

// Whether gnuplot is there; else the error says that it is not installed.
Result<void> can_draw();

// What `script` draws, as an SVG element of `width` times `height` to put into a page. `name` is in
// front of all its ids, so that plots of different names stand in one page. Errors: that of
// can_draw(), or gnuplot did not like the script.
Result<std::string> draw(const std::string& script, const std::string& name, int width, int height);

}  // namespace switchboard::bench
