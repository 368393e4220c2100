# Read by ctest after the cases are known.

# Cases that measure time do not run in parallel with others.
set_tests_properties(
    "programs/examples: echo and a 10 ms timer inside poll, GLib and Asio, on time under load"
    "unit/happy eyeballs: the first address drops packets: connected within 300 ms"
    PROPERTIES RUN_SERIAL TRUE)

# testssl.sh starts thousands of processes.
set_tests_properties(
    "programs/testssl: protocols, ciphers and key exchange, without a finding above info"
    "programs/testssl: certificate, extensions and known attacks, without a finding above info"
    PROPERTIES TIMEOUT 600)
