#include <switchboard/connection.hpp>

namespace switchboard {

bool Connection::write(Bytes piece) {
    return write(std::span<const Bytes>(&piece, 1));
}

}  // namespace switchboard
