// Exists so that the headers all tests include are compiled once.
int main() { return 0; }
