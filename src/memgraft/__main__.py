"""`python -m memgraft`, and `accelerate launch -m memgraft`."""

from memgraft.cli.main import main

if __name__ == "__main__":
    main()
