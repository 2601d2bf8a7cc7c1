/* What a plugin depends on that is not installed where it is loaded. */
int syncline_test_absent_function(void);
int syncline_test_absent_function(void) { return 1; }
