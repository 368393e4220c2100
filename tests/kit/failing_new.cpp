// So that check() lets allocations of operator new fail, too.
#include <switchboard/testing/failing_new.hpp>
