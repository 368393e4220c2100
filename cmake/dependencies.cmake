# Every package that the project uses; no other file searches for one. The names in comments are those of
# Debian. `cmake/dev deps` installs them.
include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)  # libuv1-dev
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares>=1.18)  # libc-ares-dev
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=3.0)  # libssl-dev
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib>=1.2.9)     # zlib1g-dev
find_package(tl-expected REQUIRED)                             # libexpected-dev

if(SWITCHBOARD_PROGRAMS OR SWITCHBOARD_BENCH)
    find_package(CLI11 REQUIRED)          # libcli11-dev
    find_package(nlohmann_json REQUIRED)  # nlohmann-json3-dev
    find_package(spdlog REQUIRED)         # libspdlog-dev
    find_package(fmt REQUIRED)            # libfmt-dev
endif()
if(SWITCHBOARD_BENCH)
    find_package(benchmark REQUIRED)      # libbenchmark-dev
    # libjs-chart.js. The reports of switchboard-bench draw with it; each report contains a copy.
    find_file(CHART_JS NAMES chart.min.js Chart.min.js PATHS /usr/share/javascript/chart.js
        /usr/share/nodejs/chart.js/dist NO_DEFAULT_PATH REQUIRED)
    # For peers of the comparison. Without these packages it omits the peers.
    pkg_check_modules(LIBEVENT IMPORTED_TARGET libevent_core)  # libevent-dev
    pkg_check_modules(LIBURING IMPORTED_TARGET liburing>=2.3)  # liburing-dev
    find_path(ASIO_INCLUDE asio.hpp)                           # libasio-dev
    find_path(BOOST_BEAST_INCLUDE boost/beast/http.hpp)        # libboost-dev
endif()
if(SWITCHBOARD_TESTS)
    find_package(doctest REQUIRED)        # doctest-dev
    pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)  # libglib2.0-dev
    find_path(ASIO_INCLUDE asio.hpp REQUIRED)                  # libasio-dev
endif()
if(SWITCHBOARD_TESTS OR SWITCHBOARD_FUZZ)
    # node-llhttp, for tests/oracle alone. Without it, nothing is compared with llhttp.
    find_path(LLHTTP_SOURCE llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
    find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp)
endif()
