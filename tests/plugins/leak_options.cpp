// Options for the leak sanitizer, which looks for these functions in the program. Nobody else calls them.
//
// A hundred versions of a plugin have a hundred blocks of thread-local storage. LeakSanitizer of clang 14
// crashes now and then when it reads those of a thread that is ending ("Tracer caught signal 11"). So it does
// not read any. What only the dynamic linker points to from there would be a leak, and is left out.
extern "C" {
const char* __lsan_default_options();
const char* __lsan_default_suppressions();

const char* __lsan_default_options() {
    return "use_tls=0";
}

const char* __lsan_default_suppressions() {
    return "leak:_dl_resize_dtv\nleak:_dl_add_to_slotinfo\nleak:_dlerror_run\n";
}
}
