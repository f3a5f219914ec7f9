"""`python -m lambda_authorizer`: the command line without its console script."""

import sys

if __name__ == "__main__":
    try:
        from lambda_authorizer.cli import main
    except ModuleNotFoundError:
        sys.exit("lambda-authorizer: the layer has no command line; pip install 'lambda-authorizer-toolkit[cli]'")
    main()
