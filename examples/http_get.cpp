// Gets a page of the web and prints it, or the error.
#include <cstdio>
#include <switchboard/http_client.hpp>

int main(int argc, char** argv) {
    const auto page = switchboard::http::get(argc == 2 ? argv[1] : "http://127.0.0.1/");
    std::fputs(page ? page->body.c_str() : page.error().message().append("\n").c_str(), stdout);
    return page && page->status == 200 ? 0 : 1;
}
