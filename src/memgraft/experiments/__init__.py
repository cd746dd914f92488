"""What MemNet can do and what its parts earn: experiments that can be run again."""
