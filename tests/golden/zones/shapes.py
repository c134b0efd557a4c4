"""Every shape of a post that the zones must be told apart in, and the golden pages that show it."""

from __future__ import annotations

from typing import Final

SHAPES: Final[dict[str, str]] = {
    "labels": "labels-inline labels-on-own-lines letters-q-a bold-labels question-from-label doctor-label"
    " headed-sections several-numbered-questions sharing-buttons answer-with-greeting-after-label mixed-shapes",
    "no labels": "plain-letter inline-greeting paragraphs-with-bold divs-as-lines two-names",
    "html": "blogger-divs one-div-with-breaks bold-labels divs-as-lines headed-sections paragraphs-with-bold"
    " quoted-letter whole-page dateline-of-an-old-page table-in-the-answer table-and-list-in-the-letter",
    "text and markdown": "plain-letter labels-on-own-lines front-matter markdown-letter mixed-shapes",
    "several letters in one post": "two-letters two-readers-with-places letters-with-datelines"
    " several-letters-one-answer",
    "follow-up questions": "follow-up follow-up-salutation follow-up-with-update doubt-unlabelled-follow-up",
    "answers greeted by no name": "hi-there doubt-vague-greeting-no-closing",
    "answers without greeting": "labels-inline quoted-mail answer-only doubt-no-greeting",
    "greetings in every form": "exclamation-greeting lower-case-greeting dear-ann-colon greeting-with-dash"
    " place-with-comma place-without-comma inline-greeting nickname-in-quotes anonymous letter-begins-with-hi"
    " letter-greets-twice doubt-two-greetings",
    "initials": "initial-greeting initial-greeting-inline initials-throughout",
    "signatures of several lines": "long-signature title-line-signature disclaimer-after-signature no-own-names"
    " own-empty-dotted-degrees blogger-divs",
    "signatures elsewhere": "signature-in-the-line nurse-signs-the-letter postscript-after-signature"
    " thanks-after-signature",
    "quoted letters": "quoted-letter quoted-mail answer-quotes-question mixed-shapes",
    "dated headers and bylines": "dateline-above-the-title dateline-and-no-title dateline-of-an-old-page"
    " letters-with-datelines article-with-furniture posted-by-at-the-top mixed-shapes",
    "sincerely": "long-signature question-after-intro nurse-signs-the-letter title-line-signature"
    " dateline-and-no-title doubt-closing-in-answer postscript-after-signature",
    "lists": "lists-and-steps answer-quotes-question headed-sections table-and-list-in-the-letter mixed-shapes",
    "tables": "table-in-the-answer table-and-list-in-the-letter mixed-shapes",
    "letters without blanks after full stops": "glued-letter doubt-glued-throughout"
    " doubt-greeting-glued-to-the-letter dateline-above-the-title",
    "letters in capitals": "letter-in-capitals",
    "what the blog adds": "comments-below comment-heading-parentheses sharing-buttons article-with-furniture"
    " whole-page",
    "articles without a letter": "article article-with-furniture answer-only long-answer-with-i",
    "no certainty": "doubt-answers-between-the-lines doubt-closing-in-answer doubt-glued-throughout"
    " doubt-greeting-glued-to-the-letter doubt-letter-only doubt-letter-without-signs doubt-no-greeting"
    " doubt-patient-in-answer doubt-two-greetings doubt-unlabelled-follow-up doubt-vague-greeting-no-closing",
}
"""Names of pages without their endings; one page may show several shapes."""
