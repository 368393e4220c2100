#include <switchboard/reactor.hpp>
