#include <switchboard/connection.hpp>

namespace switchboard {

bool Connection::write(Bytes piece) {
    return write(std::span<const Bytes>(&piece, 1));
}

std::pmr::memory_resource* Connection::memory() const noexcept {
    return std::pmr::get_default_resource();
}

}  // namespace switchboard
