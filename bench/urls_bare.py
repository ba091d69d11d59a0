from django.urls import path

from bench.views import bare

urlpatterns = [path("bench/bare/", bare)]
