"""The mathematics of the explanations: tensors in, tensors out; knows neither Lightning nor pictures."""
