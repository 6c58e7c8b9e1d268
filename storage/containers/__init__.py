"""What docker-compose.yml needs beside itself: scripts for inside of containers, and the files with their secrets."""
