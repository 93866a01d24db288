"""The sites' portal: returns sent from a browser, by the same functions as the command line.

Django holds people, grants, sessions, drafts, events and mail to be sent; what a return is, what is
wrong in it and what was accepted stay where they are. Every page is a form and works without a
script. ``server`` begins it, ``configure`` says where everything lies, ``permissions.may`` is asked
by every page, ``drafts`` is the way of a return, ``accounts`` that of a person, ``event_chain``
what is kept of both, ``outbox`` what is sent and done later.
"""
