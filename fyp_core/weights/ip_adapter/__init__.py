"""IP-Adapter (Ye et al. 2023, arXiv 2308.06721): a picture guides a model beside its prompt."""
