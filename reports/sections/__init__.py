"""The sections of the report, one file each: `TITLE`, `render(context)`, maybe `facts(context)`."""
