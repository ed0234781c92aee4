"""Slopes: what a small step does to a function

A network learns from slopes: by how much does the loss grow when one weight grows by a little? Here
you measure slopes. From the next exercise on you compute them, which is faster; and the workbook
measures them, as you do here, to see whether you are right.

    f(x + h)  . . . . . . . . . . o
                              .   |
                          .       |  the rise
                      .           |
    f(x - h)  . . o - - - - - - - +
                  |       |       |
                x - h     x     x + h

(1) The slope of a straight line is its rise, divided by its run. Draw a line through two points of
the graph of f: one a step h before x, one a step h after it. Its rise is the difference of two
values of f. How long is its run? (Python reads a / 2 * h from left to right, as (a / 2) * h.)

(2) A step to each side. A graph bends, so the line from x to x + h alone is too steep or too flat,
by about h. The line from x - h to x is off by as much, the other way. From x - h to x + h, both
errors cancel, and what is left is of the size of h * h.

(3) How small is h? The smaller, the less the graph bends on the way. But a number has 16 digits,
and two values of f that are nearly the same have few digits in which they differ. 1e-5 is a good
middle for most functions. For others, the caller gives another h: use the one that you are given.

(4) A function of an array x has one slope for each number in it. Together they are its gradient,
which has the shape of x. For each place, move the number there by h, up and down, and no other:
while one is moved, all others stand where they were. f is always handed a whole array, of the shape
of x. (for place in np.ndindex(x.shape) goes through the places of any array: x[place].)

(5) x is not yours, so it stays as it is. Move the numbers of a copy.

(6) x may hold integers. An array of integers that is handed 3.00001 keeps 3, and says nothing. The
copies have the type of x, and so has np.zeros_like(x), unless you ask for floats.
"""

import numpy as np


def slope(f, x, h=1e-5):
    """The slope of f at the number x; f takes a number and returns one."""
    raise NotImplementedError("yours to write")


def gradient(f, x, h=1e-5):
    """The slopes of f at the array x, in one of its shape; f takes an array, returns a number."""
    raise NotImplementedError("yours to write")
