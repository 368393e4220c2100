#include <switchboard/protocol.hpp>
