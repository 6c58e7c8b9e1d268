"""The chaos suite: real workers on one study, and everything that can go wrong with servers, databases and disks."""
