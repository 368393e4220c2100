/* A shared object that is not a plugin. */
extern int switchboard_nothing;
int switchboard_nothing = 0;
