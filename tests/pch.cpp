// Nothing: exists so that the headers all tests include are compiled once.
