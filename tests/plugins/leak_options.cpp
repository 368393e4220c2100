// Options for the leak sanitizer, which looks for these functions in the program. Without it, nobody calls them.
//
// A hundred versions of a plugin have a hundred blocks of thread-local storage. When LeakSanitizer of clang 14
// reads those of a thread that is ending, it crashes now and then ("Tracer caught signal 11"). So it does not
// read them, and then takes the tables that the dynamic linker keeps for them as lost.
extern "C" {
const char* __lsan_default_options();
const char* __lsan_default_suppressions();

const char* __lsan_default_options() {
    return "use_tls=0";
}

const char* __lsan_default_suppressions() {
    return "leak:_dl_resize_dtv\nleak:_dl_add_to_slotinfo\n";
}
}
