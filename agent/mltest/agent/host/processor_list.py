"""Lists of processors as the kernel writes them. Pure."""


def processors_of(text: str) -> tuple[int, ...]:
    """Return the processors that a list names: 0, 1, 2, 3 and 8 for "0-3,8"; none for an empty one.

    Raises:
        ValueError: it is not such a list.

    """
    spans = [part.partition("-") for part in text.strip().split(",") if part]
    return tuple(cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1))
