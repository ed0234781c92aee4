"""One number: y = x * w + b, and the way back

The smallest unit of a network: an input x, a weight w, a bias b, each a single number.

    forward     x -->  * w  -->  + b  --> y --> what comes after --> loss
    backward   dx <--  dw   <--  db   <-- dy <-- ............. <-- loss

(1) Forward: the input times the weight, plus the bias.

(2) Each of the three numbers moves y, so each moves the loss, and each has its slope. Backward
returns all three, in this order: dx = dLoss/dx, dw = dLoss/dw, db = dLoss/db.

(3) The chain rule: when w grows by a little, y grows by some factor times as much, and the loss by
dy times as much as y. So dw is that factor times dy, and the same goes for x and for b. All that
comes after y, however much it is, is in dy.

(4) The factor of a product. Let x be 3 and w be 5, so x * w is 15. Let x grow by 1: 4 * 5 is 20.
Let w grow by 1 in its place: 3 * 6 is 18. By how much did the product grow, and where have you
seen that number before?

(5) The factor of a sum. Let b grow by 1: by how much does y grow? b is learned, as w is, and so it
has a slope; and dy belongs to it as well.

(6) Backward does not undo forward. It does not look for the x that gave this y; it asks how
strongly x moved it. A larger weight moves y more, so it sends more back.
"""

import numpy as np


def unit(x, w, b):
    """y, a number, from three numbers."""
    raise NotImplementedError("yours to write")


def unit_backward(dy, x, w):
    """(dx, dw, db), three numbers, from dy and what forward was given."""
    raise NotImplementedError("yours to write")
