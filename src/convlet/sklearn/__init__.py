"""convlet as a scikit-learn classifier: `pip install 'convlet[sklearn]'`.

    from convlet.sklearn import ConvletClassifier

    classifier = ConvletClassifier(image_shape=(8, 8), random_state=0).fit(X, y)
    classifier.predict_proba(X)

What it is not: another way to train. It turns rows into images, labels into classes and weights into a data set, and
`convlet.fit` does the rest; the network, with its history, is `classifier.run_`.
"""

try:
    import sklearn.callback  # noqa: F401  (of 1.9: an older one has no callbacks)
except ImportError as error:
    raise ImportError("convlet.sklearn needs scikit-learn 1.9 or newer: pip install 'convlet[sklearn]'.") from error

from convlet.sklearn.classifier import ConvletClassifier

__all__ = ["ConvletClassifier"]
