// Runs a reactor inside GLib's main loop, as a GSource. GTK and GStreamer programs run the same loop.
#include <glib.h>
#include <switchboard/embed.hpp>

#include <cstdlib>

#include "metronome.hpp"

using namespace switchboard;

namespace {

// Allocated by GLib, which knows only the first member.
struct ReactorSource {
    GSource base;
    Reactor* reactor;
    gpointer watch;
};

gboolean prepare(GSource* source, gint* timeout) {
    const auto next = next_timeout(*reinterpret_cast<ReactorSource*>(source)->reactor);
    *timeout = next ? static_cast<gint>(next->count()) : -1;
    return *timeout == 0 ? TRUE : FALSE;
}

gboolean check(GSource* source) {
    auto* self = reinterpret_cast<ReactorSource*>(source);
    const bool ready = g_source_query_unix_fd(source, self->watch) != 0;
    return ready || next_timeout(*self->reactor) == std::chrono::milliseconds(0) ? TRUE : FALSE;
}

gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
    run_ready(*reinterpret_cast<ReactorSource*>(source)->reactor);
    return G_SOURCE_CONTINUE;
}

GSourceFuncs functions{prepare, check, dispatch, nullptr, nullptr, nullptr};

GSource* attach(Reactor& reactor) {
    GSource* source = g_source_new(&functions, sizeof(ReactorSource));
    auto* self = reinterpret_cast<ReactorSource*>(source);
    self->reactor = &reactor;
    self->watch = g_source_add_unix_fd(source, poll_fd(reactor), G_IO_IN);
    g_source_attach(source, nullptr);
    return source;
}

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
    Metronome metronome(reactor, argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500,
                        [loop] { g_main_loop_quit(loop); });
    GSource* source = attach(reactor);

    unsigned alarms = 0;
    const GSourceFunc count = [](gpointer n) -> gboolean {
        ++*static_cast<unsigned*>(n);
        return G_SOURCE_CONTINUE;
    };
    const guint own = g_timeout_add(100, count, &alarms);
    g_main_loop_run(loop);

    g_source_remove(own);
    g_source_destroy(source);  // before the reactor, which it refers to
    g_source_unref(source);
    g_main_loop_unref(loop);
    metronome.report();
    std::printf("%u alarms of the host's\n", alarms);
}
