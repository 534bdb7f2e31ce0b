"""Side-by-side benchmarks: tqdecrypt, tshark and ssldump in turn on the same captures."""
