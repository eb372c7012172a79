"""`python -m automl_sem` is `automl-sem`."""

from automl_sem.cli import main

if __name__ == "__main__":
    main()
