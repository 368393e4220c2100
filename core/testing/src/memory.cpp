#include <switchboard/testing/memory.hpp>
