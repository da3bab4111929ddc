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

    ``line_bound`` : ignored terminals after which only the end of a line, or of the text, may come.

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
        self.line_bound: frozenset[int] = frozenset()
        self.indentation = " "
        self._find()

    def _find(self) -> None:
        """Take the first separator with which everything can be written."""
        problem = Unspellable("unseparated")
        for separator in [*self._ignored_characters(), ""]:
            texts: dict[int, str] = {}
            try:
                for number in self._used:
                    texts[number] = self._text_of(number, separator)
                self._check(texts, separator)
            except Unspellable as error:
                problem = error
            else:
                self.texts = texts
                return
        raise problem

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

    # -- side by side ----------------------------------------------------------------------------------------------

    def _check(self, texts: dict[int, str], separator: str) -> None:
        """Check that every text reads as itself where it is written after another one."""
        self.separators = tuple([one for one in self._ignored_characters() if self._parts(texts, one)]) or ("",)
        if separator not in self.separators:
            raise Unspellable("unseparated")
        self.separators = (separator, *[one for one in self.separators if one != separator])
        for number in self._used:
            if self._newline >= 0 and number != self._newline and not self._begins_line(texts, texts[number]):
                raise Unspellable("line_end", self._newline)
            if number != self._newline:
                after = [texts[one] for one in self._followers.get(number, ())]
                if not all(self._may_be_left(number, one, after) for one in self._ends(number)):
                    raise Unspellable("unseparated")
        self.line_bound = frozenset([one for one in self._terminals.ignored if self._is_line_bound(texts, one)])

    def _parts(self, texts: dict[int, str], separator: str) -> bool:
        """Tell whether a character is skipped before every text, wherever that may come."""
        for place, wanted in enumerate(self._wanted):
            if not all(self._is_skipped(place, separator, texts[number]) for number in wanted):
                return False
        return True

    def _is_line_bound(self, texts: dict[int, str], ignored: int) -> bool:
        """Tell whether only the end of a line or of the text may follow on an ignored terminal, not just any text."""
        every = [text for number, text in texts.items() if number != self._newline]
        ends = list(self._ends(ignored))
        if all(self._may_be_left(ignored, end, every) for end in ends):
            return False
        line = texts.get(self._newline, "")
        if line and all(self._leaves(end, line) and self._may_end(end) for end in ends):
            return True
        raise Unspellable("unseparated")

    def _ends(self, number: int) -> Iterator[Debt | None]:
        """Yield what a terminal's texts say about the text after them, for every state where one ends."""
        seen, waiting = set(), [self._token.start([number])]
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                waiting += [target for _, _, target in self._token.edges(state)]
                yield from [debt for _, debt in self._token.ends(state)]

    def _may_be_left(self, number: int, debt: Debt | None, texts: Iterable[str]) -> bool:
        """Tell whether a separator may follow, or every one of some texts."""
        if any(one and self._leaves(debt, one) for one in self.separators):
            return True
        return (number in self._terminals.ignored or not self.separators[0]) and all(
            self._leaves(debt, text) for text in texts
        )

    def _leaves(self, debt: Debt | None, text: str) -> bool:
        """Tell whether the first character of a text settles what is owed."""
        if debt is None:
            return True
        edges = debt.automaton.follow_edges(debt.follow)
        return any(a <= ord(text[0]) <= b and debt.automaton.is_free(after) for a, b, after in edges)

    def _may_end(self, debt: Debt | None) -> bool:
        return debt is None or debt.automaton.holds_at_end(debt.follow)

    def _is_skipped(self, place: int, separator: str, after: str) -> bool:
        for one, end in self._matches_of(separator + after):
            if one in self._orders[place]:
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
