"""Before and beside a study: does the machinery tell the truth on programmes whose truth is known?"""
