"""Start the page: HOST and PORT say where, FYP_MODEL which model."""

if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback while the imports below take their time

    from fyp_page.server import serve_from_environment

    serve_from_environment()
