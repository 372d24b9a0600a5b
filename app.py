"""Start the page: ``python app.py --help``, or HOST, PORT and FYP_MODEL in the environment."""

if __name__ == "__main__":
    import signal
    import sys

    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # Ctrl-C gives no traceback during the imports below, which take seconds

    from fyp_media.imports import without_collection
    from fyp_page.options import apply_options

    apply_options(sys.argv[1:])

    with without_collection():
        from fyp_serving.server import serve_page

    serve_page()
