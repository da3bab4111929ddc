"""Find a text for every terminal that reads as that terminal wherever it may come, and one to part it from the next.

So that any sentence of terminals can be written, which is what keeps a text of tokens from ending up where nothing
fits: a lexer that tries one terminal first may make another unreadable, and two tokens side by side may read as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grammars.context_free.symbols import Debt
from grammars.lark.first_token import FirstToken
from grammars.lark.terminals import Context, Terminals

__all__ = ["Spellings", "Unspellable"]

MOST_TRIED = 400
"""As many texts of a pattern are tried."""


class Unspellable(Exception):
    """Say which row of the error table a grammar falls under, and for which terminal."""

    def __init__(self, name: str, number: int = -1) -> None:
        super().__init__(name)
        self.name = name
        self.number = number


class Spellings:
    """Hold a text for every terminal, the separators, and the character that indents lines.

    ``nexts`` : the terminals that may come after one after which not every other may, like a comment to the end of a
    line; the end of the text may come too.

    Parameters
    ----------
    terminals, token : in order, and their patterns.
    contexts : what is tried where.
    wanted : by context, the terminals that the parser may take there; ignored ones are not among them.
    followers : by terminal, those that may be next to it.
    newline : the terminal that ends lines; -1 = none.

    Raises
    ------
    Unspellable : some terminal is never read where it may come, or nothing parts two of them.
    """

    def __init__(
        self,
        terminals: Terminals,
        token: FirstToken,
        contexts: Sequence[Context],
        *,
        wanted: Sequence[frozenset[int]],
        followers: Mapping[int, frozenset[int]],
        newline: int,
    ) -> None:
        self._terminals = terminals
        self._token = token
        self._contexts = contexts
        self._newline = newline
        self._wanted = wanted
        self._followers = followers
        self._used = sorted(set().union(*wanted) | ({newline} if newline >= 0 else set()))
        self._orders = [frozenset(context.patterns) for context in contexts]
        self._matches: dict[str, list[tuple[int, int]]] = {}
        self.texts: dict[int, str] = {}
        self.separators: tuple[str, ...] = ()
        self.nexts: dict[int, frozenset[int]] = {}
        self.indentation = " "
        self._find()

    def _find(self) -> None:
        """Take the first separator with which everything can be written."""
        problems: list[Unspellable] = []
        for separator in [*self._ignored_characters(), ""]:
            texts: dict[int, str] = {}
            try:
                for number in self._used:
                    texts[number] = self._text_of(number, separator)
                self._check(texts, separator)
            except Unspellable as error:
                problems.append(error)
            else:
                self.texts = texts
                return
        raise problems[0]

    def _ignored_characters(self) -> list[str]:
        found = " \t\n" + "".join(map(chr, range(33, 127)))
        return [
            one for one in found if any(self._terminals.expressions[n].fullmatch(one) for n in self._terminals.ignored)
        ]

    # -- texts -----------------------------------------------------------------------------------------------------

    def _text_of(self, number: int, separator: str) -> str:
        for text in self._texts(number):
            if number == self._newline:
                if text.endswith("\n") and self._begins_lines(number, text):
                    return text
            elif self._reads(number, text, separator):
                return text
        if number == self._newline:
            raise Unspellable("line_end", number)
        for text in self._texts(number):
            if self._reads(number, text, ""):  # no separator may follow: ``nexts`` says what may
                return text
        raise Unspellable("shadowed", number)

    def _begins_lines(self, number: int, text: str) -> bool:
        """Tell whether a text ends lines, and which white space may indent the next one."""
        for indented in " \t":
            if all(self._reads(number, text + count * indented, "") for count in range(3)):
                self.indentation = indented
                return True
        return False

    def _texts(self, number: int) -> Iterable[str]:
        """Return some texts of a terminal, the shortest first."""
        if self._terminals.is_string(number):
            return [self._terminals.value(number)]
        return self._texts_of_pattern(number)

    def _texts_of_pattern(self, number: int) -> Iterator[str]:
        waiting = deque([(self._token.start([number]), "")])
        for _ in range(MOST_TRIED):
            if not waiting:
                return
            state, text = waiting.popleft()
            if self._terminals.expressions[number].fullmatch(text):
                yield text
            for first, last, target in self._token.edges(state):
                waiting.append((target, text + _readable(first, last)))

    def _reads(self, number: int, text: str, after: str) -> bool:
        """Tell whether a text reads as a terminal wherever that may come, before another text."""
        for place, wanted in enumerate(self._wanted):
            if (number in wanted or number == self._newline) and not self._is_read(place, number, text, text + after):
                return False
        return True

    def _is_read(self, place: int, number: int, text: str, whole: str) -> bool:
        """Tell whether what is tried at a place reads ``text`` as a terminal, at the beginning of ``whole``."""
        if not self._terminals.is_ordered:
            return (number, len(text)) in self._matches_of(whole)
        for one, end in self._matches_of(whole):
            if one in self._orders[place]:
                return end == len(text) and self._name(place, one, text) == number
        return False

    def _name(self, place: int, pattern: int, text: str) -> int:
        if pattern in self._terminals.ignored:
            return pattern
        for one in self._terminals.strings.get(pattern, ()):
            if one in self._contexts[place].strings and self._terminals.expressions[one].fullmatch(text):
                return one
        return pattern

    def _matches_of(self, text: str) -> list[tuple[int, int]]:
        """Return the terminals that match at the beginning of a text, in order, and where each ends."""
        known = self._matches.get(text)
        if known is None:
            expressions = enumerate(self._terminals.expressions)
            known = [(number, found.end()) for number, one in expressions if (found := one.match(text))]
            self._matches[text] = known
        return known

    def texts_of(self, number: int) -> tuple[str, ...]:
        """Return the terminal's text, and one that begins with a line end where there is one."""
        if number not in self.texts:
            return ()
        lines = [] if self._terminals.is_string(number) else self._texts_of_pattern(number)
        other = next((one for one in lines if one[0] == "\n" and one != self.texts[number]), None)
        return (self.texts[number],) if other is None else (self.texts[number], other)

    # -- side by side ----------------------------------------------------------------------------------------------

    def _check(self, texts: dict[int, str], separator: str) -> None:
        """Check that every text reads as itself where it is written after another one."""
        self.separators = tuple([one for one in self._ignored_characters() if self._parts(texts, one)]) or ("",)
        if separator not in self.separators:
            raise Unspellable("unseparated")
        self.separators = (separator, *[one for one in self.separators if one != separator])
        self.nexts = {}
        for number in self._used:
            if self._newline >= 0 and number != self._newline and not self._begins_line(texts, texts[number]):
                raise Unspellable("line_end", self._newline)
        for number in {*self._used, *self._terminals.ignored} - {self._newline}:
            nexts = self._nexts_of(number)
            if nexts is not None:
                self.nexts[number] = nexts

    def _parts(self, texts: dict[int, str], separator: str) -> bool:
        """Tell whether a character is skipped before every text, wherever that may come."""
        for place, wanted in enumerate(self._wanted):
            if not all(self._is_skipped(place, separator, texts[number]) for number in wanted):
                return False
        return True

    def _nexts_of(self, number: int) -> frozenset[int] | None:
        """Return the terminals that may be next to a terminal wherever it ends; None: any of them, parted or not."""
        ends = list(self._ends(number))
        if any(self.separators) and all(any(self._leaves(end, ord(one)) for one in self.separators) for end in ends):
            return None
        followers = set(self._used) if number in self._terminals.ignored else self._followers.get(number, frozenset())
        nexts = frozenset([one for one in followers if all(self._may_be_next(end, one) for end in ends)])
        if nexts == followers:
            return None
        if not nexts:
            raise Unspellable("unseparated")
        return nexts

    def _ends(self, number: int) -> Iterator[tuple[int, Debt | None]]:
        """Yield the states where a terminal's texts end, with what they say about the text after them."""
        seen, waiting = set(), [self._token.start([number])]
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                waiting += [target for _, _, target in self._token.edges(state)]
                yield from [(state, debt) for _, debt in self._token.ends(state)]

    def _may_be_next(self, end: tuple[int, Debt | None], number: int) -> bool:
        """Tell whether a terminal may begin next to a text that ends like this."""
        edges = self._token.edges(self._token.start([number]))
        return any(self._leaves(end, first) or self._leaves(end, last) for first, last, _ in edges)

    def _leaves(self, end: tuple[int, Debt | None], character: int) -> bool:
        """Tell whether a character may follow: it settles what is owed, or goes on with a longer match as well."""
        state, debt = end
        if debt is None:
            return True
        for first, last, after in debt.automaton.follow_edges(debt.follow):
            if first <= character <= last:
                goes_on = any(a <= character <= b for a, b, _ in self._token.edges(state))
                return goes_on or debt.automaton.is_free(after)
        return False

    def _is_skipped(self, place: int, separator: str, after: str) -> bool:
        for one, end in self._matches_of(separator + after):
            if not self._terminals.is_ordered and end == len(separator) and one in self._terminals.ignored:
                return True
            if self._terminals.is_ordered and one in self._orders[place]:
                return end == len(separator) and one in self._terminals.ignored
        return False

    def _begins_line(self, texts: dict[int, str], after: str) -> bool:
        line = texts[self._newline]
        return all(self._reads(self._newline, line + count * self.indentation, after) for count in range(2))


def _readable(first: int, last: int) -> str:
    """Return a character of a range, a letter or another visible one where there is one."""
    for low, high in ((0x61, 0x7A), (0x21, 0x7E), (0x20, 0x20)):
        if max(first, low) <= min(last, high):
            return chr(max(first, low))
    return chr(first)
